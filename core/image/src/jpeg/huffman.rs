//! Huffman codes and the bits they are read from (ISO 10918-1, annexes C and F.2.2).

/// Why data is broken.
pub(crate) type Broken = &'static str;

/// Bytes behind the last code that are let pass without a word: some writers pad.
const PADDING: usize = 3;

/// Bits of the table that finds short codes at once.
const SHORT: usize = 9;

/// A Huffman table.
pub(crate) struct Huffman {
    /// The code that starts with these bits; length 0: a longer one.
    short: Vec<Code>,
    /// By length: last code, and what to add to a code to find its symbol; -1: no code.
    last: [i32; 17],
    offset: [i32; 17],
    symbols: Vec<u8>,
}

/// A code and what it stands for, in one word: from the lowest byte on its length in bits, its length
/// with the number behind it, and the symbol.
#[derive(Clone, Copy, Default)]
struct Code(u32);

impl Code {
    fn new(length: u32, symbol: u8) -> Self {
        Self(length | (length + u32::from(symbol & 15)) << 8 | u32::from(symbol) << 16)
    }

    fn length(self) -> u32 {
        self.0 & 0xFF
    }

    fn length_with_number(self) -> u32 {
        self.0 >> 8 & 0xFF
    }

    fn symbol(self) -> u8 {
        (self.0 >> 16) as u8
    }
}

impl Huffman {
    /// Reads the tables of a segment: `(class, number, table)`; class 0 is DC, 1 is AC.
    pub(crate) fn read_all(mut data: &[u8]) -> Result<Vec<(u8, usize, Self)>, String> {
        let broken = || "a broken Huffman table".to_string();
        let mut tables = Vec::new();
        while let Some((&head, rest)) = data.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(broken)?;
            let count: usize = counts.iter().map(|&c| usize::from(c)).sum();
            let symbols = rest.get(..count).ok_or_else(broken)?;
            let (class, number) = (head >> 4, usize::from(head & 15));
            if class > 1 || number > 3 {
                return Err(broken());
            }
            tables.push((class, number, Self::new(counts, symbols).ok_or_else(broken)?));
            data = &rest[count..];
        }
        Ok(tables)
    }

    fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: vec![Code::default(); 1 << SHORT],
            last: [-1; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0_i32, 0_i32);
        for length in 1..=16 {
            let count = i32::from(counts[length - 1]);
            if code + count > 1 << length {
                return None;
            }
            table.offset[length] = index - code;
            for _ in 0..count {
                if length <= SHORT {
                    let first = (code as usize) << (SHORT - length);
                    let code = Code::new(length as u32, symbols[index as usize]);
                    table.short[first..first + (1 << (SHORT - length))].fill(code);
                }
                code += 1;
                index += 1;
            }
            table.last[length] = if count > 0 { code - 1 } else { -1 };
            code <<= 1;
        }
        Some(table)
    }
}

/// Bits of entropy-coded data up to its end or to a restart marker.
pub(crate) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest on; those behind `count` do not count yet.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0 }
    }

    /// A symbol.
    pub(crate) fn symbol(&mut self, table: &Huffman) -> Result<u8, Broken> {
        self.fill();
        let code = self.code(table)?;
        self.skip(code.length())?;
        Ok(code.symbol())
    }

    /// A symbol; the number behind it, whose bits the symbol's lower half counts, is passed over.
    #[inline]
    pub(crate) fn symbol_before_number(&mut self, table: &Huffman) -> Result<u8, Broken> {
        self.fill();
        let code = self.code(table)?;
        self.skip(code.length_with_number())?;
        Ok(code.symbol())
    }

    #[inline]
    fn code(&self, table: &Huffman) -> Result<Code, Broken> {
        let code = table.short[(self.buffer >> (64 - SHORT)) as usize];
        if code.length() > 0 { Ok(code) } else { self.long_code(table) }
    }

    #[cold]
    fn long_code(&self, table: &Huffman) -> Result<Code, Broken> {
        for length in SHORT + 1..=16 {
            let code = ((self.buffer >> (64 - length)) as u32).cast_signed();
            if code <= table.last[length] {
                let index = (code + table.offset[length]) as usize;
                let symbol = table.symbols.get(index).copied().ok_or("a broken code")?;
                return Ok(Code::new(length as u32, symbol));
            }
        }
        Err("a code that is in no table")
    }

    /// A number of up to 16 bits.
    pub(crate) fn number(&mut self, bits: u32) -> Result<u32, Broken> {
        if bits == 0 {
            return Ok(0);
        }
        self.fill();
        let number = (self.buffer >> (64 - bits)) as u32;
        self.skip(bits)?;
        Ok(number)
    }

    /// A coefficient of `size` bits (F.2.2.1, EXTEND).
    pub(crate) fn coefficient(&mut self, size: u8) -> Result<i32, Broken> {
        let size = u32::from(size);
        let value = self.number(size)?.cast_signed();
        Ok(if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    /// Goes behind a restart marker; gives the bytes that were passed over before it.
    pub(crate) fn restart(&mut self, number: u8) -> Result<usize, String> {
        let passed_over = self.rest()?;
        match self.data.get(self.at..self.at + 2) {
            Some(&[0xFF, marker]) if marker == 0xD0 + number => {
                self.at += 2;
                (self.buffer, self.count) = (0, 0);
                Ok(passed_over)
            }
            _ => Err(format!("restart marker {number} is missing")),
        }
    }

    /// Passes over whole bytes up to a marker or the end, and says how many; 0 if they are few.
    ///
    /// Fails where they are many and not all the same: then codes were lost or added before them.
    pub(crate) fn rest(&mut self) -> Result<usize, String> {
        let whole = self.count / 8;
        let buffered = self.buffer << (self.count % 8);
        let mut bytes = whole as usize;
        let mut all_the_same = true;
        let mut before = (whole > 0).then(|| buffered.to_be_bytes()[0]);
        let mut take = |byte: u8| {
            all_the_same &= *before.get_or_insert(byte) == byte;
        };
        buffered.to_be_bytes()[..bytes].iter().for_each(|&byte| take(byte));
        while let Some(&byte) = self.data.get(self.at) {
            if byte == 0xFF {
                match self.data.get(self.at + 1) {
                    Some(0) => self.at += 1,
                    Some(0xFF) | None => {
                        self.at += 1; // fill
                        continue;
                    }
                    Some(_) => break,
                }
            }
            self.at += 1;
            take(byte);
            bytes += 1;
        }
        self.count %= 8;
        match bytes {
            0..=PADDING => Ok(0),
            _ if all_the_same => Ok(bytes),
            _ => Err(format!("{bytes} bytes are left behind the last code")),
        }
    }

    /// Sees to it that a code and a number are there, of at most 16 bits each, if the data has them.
    #[inline]
    fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(&next) if !has_0xff(u64::from_be_bytes(next)) => {
                // Bits of a byte that is not whole yet are the same when they come again.
                self.buffer |= u64::from_be_bytes(next) >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += 8 * bytes;
            }
            _ => self.fill_by_bytes(),
        }
    }

    /// The same near the end or a 0xFF, which begins a marker or is followed by a zero.
    fn fill_by_bytes(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.data.get(self.at) else { break };
            if byte == 0xFF {
                if self.data.get(self.at + 1) != Some(&0) {
                    break;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn skip(&mut self, bits: u32) -> Result<(), Broken> {
        self.count = self.count.checked_sub(bits).ok_or("the data ends early")?;
        self.buffer <<= bits;
        Ok(())
    }
}

/// Whether one of eight bytes is 0xFF: its complement is zero (H. Warren, "Hacker's Delight", 6-1).
#[inline]
fn has_0xff(bytes: u64) -> bool {
    let (ones, highest) = (u64::from_ne_bytes([1; 8]), u64::from_ne_bytes([0x80; 8]));
    (!bytes).wrapping_sub(ones) & bytes & highest != 0
}
