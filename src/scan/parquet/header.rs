//! The header of a Parquet page, read from bytes that nobody vouches for.
//!
//! **In / Out**: bytes → a [`Header`] and its length. **Invariants**: no number of it is negative,
//! and levels lie inside their page. What else it claims is for `pages` to judge.

use parquet::basic::Encoding;

use super::thrift::{Compact, Malformed, Read, Wire};

/// What stands before the bytes of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What the page holds.
    pub(super) kind: PageKind,
    /// Its bytes, decompressed.
    pub(super) size: usize,
    /// Its bytes, as they are in the file.
    pub(super) packed_size: usize,
    /// Values in it, nulls included.
    pub(super) values: u32,
}

/// Kinds of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    /// Levels and values, compressed as one.
    Data {
        /// How values are written.
        encoding: Encoding,
        /// How definition levels are.
        def_levels: Encoding,
        /// How repetition levels are.
        rep_levels: Encoding,
    },
    /// Levels, and compressed values.
    DataV2 {
        /// How values are written.
        encoding: Encoding,
        /// Nulls among the values.
        nulls: u32,
        /// Rows that begin in it.
        rows: u32,
        /// Bytes of definition levels.
        def_bytes: u32,
        /// Bytes of repetition levels.
        rep_bytes: u32,
        /// Whether the values are compressed.
        is_packed: bool,
    },
    /// Values that data pages name by their place.
    Dictionary {
        /// How values are written.
        encoding: Encoding,
        /// Whether they are in order.
        is_sorted: bool,
    },
    /// None of these.
    Other,
}

/// A struct of integers and booleans: the fields that are there.
#[derive(Default)]
struct Numbers([Option<i64>; 9]);

impl Numbers {
    /// Reads a struct; `on_other` sees the fields that are neither.
    fn read<'a>(
        reader: &mut Compact<'a>,
        mut on_other: impl FnMut(&mut Compact<'a>, i64, Wire) -> Read<bool>,
    ) -> Read<Numbers> {
        let mut numbers = Numbers::default();
        reader.fields(|reader, field, wire| {
            let slot = usize::try_from(field).ok();
            match (slot.and_then(|at| numbers.0.get_mut(at)), wire) {
                (Some(slot), Wire::Int) => *slot = Some(reader.int()?),
                (Some(slot), Wire::Bool(is_true)) => *slot = Some(i64::from(is_true)),
                _ => return on_other(reader, field, wire),
            }
            Ok(true)
        })?;
        Ok(numbers)
    }

    /// A field that counts something.
    fn count(&self, field: usize) -> Read<u32> {
        let count = self.0[field].and_then(|count| u32::try_from(count).ok());
        // Parquet has 31 bits for it.
        let count = count.filter(|count| *count <= i32::MAX.cast_unsigned());
        count.ok_or(Malformed::Wrong("a count that is missing or negative"))
    }

    /// A field that names an encoding.
    fn encoding(&self, field: usize) -> Read<Encoding> {
        #[expect(deprecated, reason = "files have it, whatever became of it")]
        Ok(match self.0[field] {
            Some(0) => Encoding::PLAIN,
            Some(2) => Encoding::PLAIN_DICTIONARY,
            Some(3) => Encoding::RLE,
            Some(4) => Encoding::BIT_PACKED,
            Some(5) => Encoding::DELTA_BINARY_PACKED,
            Some(6) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Some(7) => Encoding::DELTA_BYTE_ARRAY,
            Some(8) => Encoding::RLE_DICTIONARY,
            Some(9) => Encoding::BYTE_STREAM_SPLIT,
            _ => return Err(Malformed::Wrong("an encoding that is not known")),
        })
    }
}

/// Nothing but numbers is wanted.
fn nothing_else(_: &mut Compact<'_>, _: i64, _: Wire) -> Read<bool> {
    Ok(false)
}

impl Header {
    /// Reads a header; gives its length as well.
    pub(super) fn read(bytes: &[u8]) -> Read<(Header, usize)> {
        let mut reader = Compact::new(bytes);
        let (mut data, mut dictionary, mut data_v2) = (None, None, None);
        let numbers = Numbers::read(&mut reader, |reader, field, wire| {
            let of_kind = match (field, wire) {
                (5, Wire::Struct) => &mut data,
                (7, Wire::Struct) => &mut dictionary,
                (8, Wire::Struct) => &mut data_v2,
                _ => return Ok(false),
            };
            *of_kind = Some(Numbers::read(reader, nothing_else)?);
            Ok(true)
        })?;
        let missing = Malformed::Wrong("a page header without what its type calls for");
        let kind = numbers.count(1)?;
        let of_kind = match kind {
            0 => data,
            2 => dictionary,
            3 => data_v2,
            _ => Some(Numbers::default()),
        };
        let of_kind = of_kind.ok_or(missing)?;
        let size_of = |field| numbers.count(field).map(crate::ids::index);
        let header = Header {
            size: size_of(2)?,
            packed_size: size_of(3)?,
            values: if matches!(kind, 0 | 2 | 3) {
                of_kind.count(1)?
            } else {
                0
            },
            kind: PageKind::new(kind, &of_kind)?,
        };
        let is_inside = match &header.kind {
            PageKind::DataV2 { .. } => header.levels_size() <= header.size.min(header.packed_size),
            _ => true,
        };
        match is_inside {
            true => Ok((header, bytes.len() - reader.left())),
            false => Err(Malformed::Wrong("levels that are longer than their page")),
        }
    }

    /// Bytes of levels that stand before what is compressed.
    pub(super) fn levels_size(&self) -> usize {
        match self.kind {
            PageKind::DataV2 {
                def_bytes,
                rep_bytes,
                ..
            } => crate::ids::index(def_bytes) + crate::ids::index(rep_bytes),
            _ => 0,
        }
    }
}

impl PageKind {
    /// The kind of a page whose header has these fields for it.
    fn new(code: u32, fields: &Numbers) -> Read<PageKind> {
        Ok(match code {
            0 => PageKind::Data {
                encoding: fields.encoding(2)?,
                def_levels: fields.encoding(3)?,
                rep_levels: fields.encoding(4)?,
            },
            2 => PageKind::Dictionary {
                encoding: fields.encoding(2)?,
                is_sorted: fields.0[3] == Some(1),
            },
            3 => PageKind::DataV2 {
                nulls: fields.count(2)?,
                rows: fields.count(3)?,
                encoding: fields.encoding(4)?,
                def_bytes: fields.count(5)?,
                rep_bytes: fields.count(6)?,
                is_packed: fields.0[7] != Some(0),
            },
            _ => PageKind::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 5 values, 40 bytes, 20 of them in the file.
    const DATA: [u8; 17] = [
        0x15, 0, 0x15, 80, 0x15, 40, 0x2c, 0x15, 10, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0,
    ];

    #[test]
    fn a_header_is_read_and_its_length_known() {
        let (header, length) = Header::read(&[&DATA[..], &[1, 2, 3]].concat()).expect("whole");
        assert_eq!(length, DATA.len());
        let kind = PageKind::Data {
            encoding: Encoding::PLAIN,
            def_levels: Encoding::RLE,
            rep_levels: Encoding::RLE,
        };
        let expected = Header {
            kind,
            size: 40,
            packed_size: 20,
            values: 5,
        };
        assert_eq!(header, expected);
        for end in 0..DATA.len() {
            assert_eq!(Header::read(&DATA[..end]), Err(Malformed::Short), "{end}");
        }
    }

    #[test]
    fn sizes_are_not_negative_and_levels_lie_inside() {
        let mut negative = DATA;
        negative[3] = 79;
        assert!(matches!(Header::read(&negative), Err(Malformed::Wrong(_))));
        // A page of version 2: 1 value in 10 bytes, 9 of them of definition levels.
        let v2 = |def_bytes: u8| {
            let head = [0x15, 6, 0x15, 20, 0x15, 20, 0x5c];
            let own = [
                0x15,
                2,
                0x15,
                0,
                0x15,
                2,
                0x15,
                0,
                0x15,
                def_bytes * 2,
                0x15,
                0,
                0,
                0,
            ];
            [&head[..], &own].concat()
        };
        let (header, _) = Header::read(&v2(9)).expect("nine of ten bytes");
        assert_eq!(header.levels_size(), 9);
        assert!(matches!(Header::read(&v2(11)), Err(Malformed::Wrong(_))));
    }
}
