//! Huffman codes and the bits they are read from (ISO 10918-1, annexes C and F.2.2).

/// Bits of the table that finds short codes at once.
const SHORT: usize = 9;

/// A Huffman table.
pub(super) struct Huffman {
    /// Length and symbol of the code that starts with these bits; length 0: a longer one.
    short: Vec<(u8, u8)>,
    /// By length: last code, and what to add to a code to find its symbol; -1: no code.
    last: [i32; 17],
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// Reads the tables of a segment: `(class, number, table)`; class 0 is DC, 1 is AC.
    pub(super) fn read_all(mut data: &[u8]) -> Result<Vec<(u8, usize, Self)>, String> {
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
            short: vec![(0, 0); 1 << SHORT],
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
                    let entry = (length as u8, symbols[index as usize]);
                    table.short[first..first + (1 << (SHORT - length))].fill(entry);
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
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0 }
    }

    /// A symbol.
    pub(super) fn symbol(&mut self, table: &Huffman) -> Result<u8, String> {
        self.fill();
        let next = (self.buffer << (64 - self.count).min(63)) >> 48; // 16 bits, 0 behind the end
        let next = if self.count == 0 { 0 } else { next as usize };
        let (length, symbol) = table.short[next >> (16 - SHORT)];
        if length > 0 {
            self.skip(u32::from(length))?;
            return Ok(symbol);
        }
        for length in SHORT + 1..=16 {
            let code = ((next >> (16 - length)) as u32).cast_signed();
            if code <= table.last[length] {
                self.skip(length as u32)?;
                let index = (code + table.offset[length]) as usize;
                return table.symbols.get(index).copied().ok_or_else(|| "a broken code".into());
            }
        }
        Err("a code that is in no table".into())
    }

    /// A number of up to 16 bits.
    pub(super) fn number(&mut self, bits: u32) -> Result<u32, String> {
        if bits == 0 {
            return Ok(0);
        }
        self.fill();
        self.skip(bits)?;
        Ok((self.buffer >> self.count) as u32 & ((1 << bits) - 1))
    }

    /// A coefficient of `size` bits (F.2.2.1, EXTEND).
    pub(super) fn coefficient(&mut self, size: u8) -> Result<i32, String> {
        let size = u32::from(size);
        let value = self.number(size)?.cast_signed();
        Ok(if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    /// Goes behind a restart marker.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), String> {
        if self.left() > 0 {
            return Err("bytes are left before a restart marker".into());
        }
        match self.data.get(self.at..self.at + 2) {
            Some(&[0xFF, marker]) if marker == 0xD0 + number => {
                self.at += 2;
                (self.buffer, self.count) = (0, 0);
                Ok(())
            }
            _ => Err(format!("restart marker {number} is missing")),
        }
    }

    /// Whole bytes that were not read, up to a marker.
    pub(super) fn left(&mut self) -> usize {
        let mut bytes = self.count as usize / 8;
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
            bytes += 1;
        }
        self.count %= 8;
        bytes
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.data.get(self.at) else { break };
            if byte == 0xFF {
                if self.data.get(self.at + 1) != Some(&0) {
                    break;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn skip(&mut self, bits: u32) -> Result<(), String> {
        self.count = self.count.checked_sub(bits).ok_or("the data ends early")?;
        Ok(())
    }
}
