//! Shards: the rows of a job, dealt by the hash of their key.

use serde::{Deserialize, Serialize};

/// One of several shards of a job. The key is the customer of `sequences`, and the user of `features` and
/// `dwell`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 0.
    pub number: u32,
    /// Of how many.
    pub count: u32,
}

/// Whose rows the inputs of a shard hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ShardHolds {
    /// Those of all shards; the rows of others are passed over.
    #[default]
    All,
    /// Those of this shard only; a row of another is bad data.
    Own,
}

impl Shard {
    /// The most shards of a job.
    pub const COUNT_MAX: u32 = 65_536;

    /// Reads a shard such as `7/64`.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Shard, String> {
        let number = |text: &str| text.parse::<u32>().ok();
        let parts = text.split_once('/');
        let shard = parts.and_then(|(at, count)| {
            Some(Shard {
                number: number(at)?,
                count: number(count)?,
            })
        });
        let is_one = |shard: &Shard| shard.count <= Shard::COUNT_MAX && shard.number < shard.count;
        shard.filter(is_one).ok_or_else(|| {
            "expected I/N: the number of the shard from 0, and how many there are, up to 65536, such \
             as 7/64"
                .to_owned()
        })
    }

    /// The number of the shard that has the keys of a hash: each of `count` has an equal range of hashes.
    #[inline]
    pub(crate) fn of_hash(hash: u64, count: u32) -> u32 {
        let number = ((hash >> 32) * u64::from(count)) >> 32;
        u32::try_from(number).expect("less than the number of shards")
    }

    /// Whether it has the keys of a hash.
    #[inline]
    pub(crate) fn has(self, hash: u64) -> bool {
        Shard::of_hash(hash, self.count) == self.number
    }

    /// The name of its folder.
    pub(crate) fn folder(self) -> String {
        format!("shard-{:05}-of-{:05}", self.number, self.count)
    }

    /// The shard whose folder has this name.
    pub(crate) fn of_folder(name: &str) -> Option<Shard> {
        let (number, count) = name.strip_prefix("shard-")?.split_once("-of-")?;
        let shard = Shard {
            number: number.parse().ok()?,
            count: count.parse().ok()?,
        };
        (shard.folder() == name).then_some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_number_below_a_count() {
        let shard = Shard::parse("7/64").expect("a shard");
        assert_eq!((shard.number, shard.count), (7, 64));
        assert_eq!(shard.folder(), "shard-00007-of-00064");
        assert_eq!(Shard::of_folder("shard-00007-of-00064"), Some(shard));
        assert_eq!(Shard::of_folder("shard-7-of-64"), None);
        assert!(Shard::parse("65535/65536").is_ok());
        for text in [
            "", "7", "7/", "/7", "7/7", "-1/2", "0/0", "0/65537", "1/2/3", "a/b",
        ] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
    }
}
