//! A share of a collection, for one of several machines.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::files::system::names;

/// One of equal shares of a collection, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    number: u32,
    of: u32,
}

/// Most shares that a collection is divided into.
const MOST: u32 = 10_000;

impl Shard {
    /// Whether the result at this path below the output folder belongs to it. Which shard a path
    /// belongs to is the same in every version and on every machine.
    pub(crate) fn holds(self, output: &Path) -> bool {
        let hash = Sha256::digest(names::bytes(output));
        let start = hash[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        start % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Name of the folder of its ledger.
    pub(crate) fn folder_name(self) -> String {
        format!("shard-{}-of-{}", self.number, self.of)
    }

    /// The shard whose folder has this name.
    pub(crate) fn of_folder_name(name: &str) -> Option<Self> {
        let (number, of) = name.strip_prefix("shard-")?.split_once("-of-")?;
        format!("{number}/{of}").parse().ok()
    }

    /// Whether both are of the same division: what belongs to one does not belong to the other.
    pub(crate) fn is_beside(self, other: Self) -> bool {
        self.of == other.of
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a share such as 3/8, from 1/8 to 8/8, of {MOST} at most");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of) = (number.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if of > MOST || !(1..=of).contains(&number) {
            return Err(wrong());
        }
        Ok(Self { number, of })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn each_path_belongs_to_one_shard_and_shards_are_about_equal() {
        let mut counts = [0; 8];
        for number in 0..8000 {
            let path = format!("box {}/{number}.tif", number % 7);
            let holders: Vec<usize> = (1..=8)
                .filter(|share| shard(&format!("{share}/8")).holds(Path::new(&path)))
                .collect();
            assert_eq!(holders.len(), 1, "{path}");
            counts[holders[0] - 1] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_path_belongs_to_the_same_shard_for_ever() {
        // printf %s box/1.tif | sha256sum
        assert!(shard("1/1").holds(Path::new("box/1.tif")));
        let found: Vec<u32> =
            (1..=16).filter(|n| shard(&format!("{n}/16")).holds(Path::new("box/1.tif"))).collect();
        assert_eq!(found, [4]);
    }

    #[test]
    fn shares_are_read_as_they_are_written() {
        for text in ["1/1", "3/8", "10000/10000"] {
            assert_eq!(shard(text).to_string(), text);
            assert_eq!(Shard::of_folder_name(&shard(text).folder_name()), Some(shard(text)));
        }
        for wrong in ["", "1", "0/8", "9/8", "-1/8", "1/0", "1/10001", "a/b", "1/8/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(Shard::of_folder_name("films"), None);
    }
}
