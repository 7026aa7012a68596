//! The header of a Parquet page, read from untrusted bytes.
//!
//! **In / Out**: bytes → a [`Header`] and its length. **Invariants**: none of its numbers is negative, and
//! levels lie inside their page. `pages` checks everything else that it claims.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;

use super::thrift::{Compact, Malformed, Read, Wire};

/// The header of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What the page holds.
    pub(super) kind: PageKind,
    /// The size of the page in bytes, decompressed.
    pub(super) size: usize,
    /// The size of the page in bytes, in the file.
    pub(super) packed_size: usize,
    /// The number of values, with nulls.
    pub(super) values: u32,
}

/// The kind of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    /// Levels and values, compressed together.
    Data {
        /// The encoding of values.
        encoding: Encoding,
        /// The encoding of definition levels.
        def_levels: Encoding,
        /// The encoding of repetition levels.
        rep_levels: Encoding,
    },
    /// Levels, then values that may be compressed.
    DataV2 {
        /// The encoding of values.
        encoding: Encoding,
        /// The number of nulls among the values.
        nulls: u32,
        /// The number of rows that begin in the page.
        rows: u32,
        /// Bytes of definition levels.
        def_bytes: u32,
        /// Bytes of repetition levels.
        rep_bytes: u32,
        /// Whether the values are compressed.
        is_packed: bool,
    },
    /// The values of a dictionary.
    Dictionary {
        /// The encoding of values.
        encoding: Encoding,
        /// Whether they are in order.
        is_sorted: bool,
    },
    /// A page that is skipped.
    Other,
}

/// The integers and booleans of a struct by field number; `None` where a field is absent.
#[derive(Default)]
struct NumberFields([Option<i64>; 9]);

impl NumberFields {
    /// Reads a struct; `on_other` gets the fields of other types.
    fn read<'a>(
        reader: &mut Compact<'a>,
        mut on_other: impl FnMut(&mut Compact<'a>, i64, Wire) -> Read<bool>,
    ) -> Read<NumberFields> {
        let mut numbers = NumberFields::default();
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

    /// A field that is a count.
    fn count(&self, field: usize) -> Read<u32> {
        let count = self.0[field].and_then(|count| u32::try_from(count).ok());
        // Counts of Parquet have 31 bits.
        let count = count.filter(|count| *count <= i32::MAX.cast_unsigned());
        count.ok_or(Malformed::Wrong("a count that is missing or negative"))
    }

    /// A field that is an encoding.
    fn encoding(&self, field: usize) -> Read<Encoding> {
        #[expect(deprecated, reason = "old files have it")]
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

/// Skips the fields of other types.
fn skip_others(_: &mut Compact<'_>, _: i64, _: Wire) -> Read<bool> {
    Ok(false)
}

impl Header {
    /// Reads a header; returns it with its length.
    pub(super) fn read(bytes: &[u8]) -> Read<(Header, usize)> {
        let mut reader = Compact::new(bytes);
        let (mut data, mut dictionary, mut data_v2) = (None, None, None);
        let numbers = NumberFields::read(&mut reader, |reader, field, wire| {
            // Numbers as in parquet.thrift: data_page_header, dictionary_page_header,
            // data_page_header_v2.
            let kind_fields = match (field, wire) {
                (5, Wire::Struct) => &mut data,
                (7, Wire::Struct) => &mut dictionary,
                (8, Wire::Struct) => &mut data_v2,
                _ => return Ok(false),
            };
            *kind_fields = Some(NumberFields::read(reader, skip_others)?);
            Ok(true)
        })?;
        let missing = Malformed::Wrong("a page header without what its type calls for");
        // Fields 1 to 3 are the type, the plain size and the packed size.
        let kind = numbers.count(1)?;
        let kind_fields = match kind {
            0 => data,
            2 => dictionary,
            3 => data_v2,
            // A page that is skipped needs no fields of its own, so unknown types are no fault.
            _ => Some(NumberFields::default()),
        };
        let kind_fields = kind_fields.ok_or(missing)?;
        let size_of = |field| numbers.count(field).map(crate::ids::index);
        let header = Header {
            size: size_of(2)?,
            packed_size: size_of(3)?,
            values: if matches!(kind, 0 | 2 | 3) {
                kind_fields.count(1)?
            } else {
                0
            },
            kind: PageKind::new(kind, &kind_fields)?,
        };
        // `Pages` splits both the packed and the plain page behind the levels, so they must fit in
        // either.
        let is_inside = match &header.kind {
            PageKind::DataV2 { .. } => header.levels_size() <= header.size.min(header.packed_size),
            _ => true,
        };
        if !is_inside {
            return Err(Malformed::Wrong("levels that are longer than their page"));
        }
        Ok((header, bytes.len() - reader.left()))
    }

    /// Bytes of levels before the compressed part of the page.
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

    /// A page for arrow's decoders; `None` if it is skipped.
    pub(super) fn page(&self, bytes: Vec<u8>) -> Option<Page> {
        let (buf, num_values) = (Bytes::from(bytes), self.values);
        match self.kind {
            PageKind::Data {
                encoding,
                def_levels,
                rep_levels,
            } => Some(Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding: def_levels,
                rep_level_encoding: rep_levels,
                statistics: None,
            }),
            PageKind::DataV2 {
                encoding,
                nulls,
                rows,
                def_bytes,
                rep_bytes,
                ..
            } => Some(Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls: nulls,
                num_rows: rows,
                def_levels_byte_len: def_bytes,
                rep_levels_byte_len: rep_bytes,
                // `Pages` has decompressed it.
                is_compressed: false,
                statistics: None,
            }),
            PageKind::Dictionary {
                encoding,
                is_sorted,
            } => Some(Page::DictionaryPage {
                buf,
                num_values,
                encoding,
                is_sorted,
            }),
            PageKind::Other => None,
        }
    }
}

impl PageKind {
    /// The kind with a code and these fields.
    fn new(code: u32, fields: &NumberFields) -> Read<PageKind> {
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
                // In the format, a flag that is absent means compressed.
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
    fn a_header_is_read_with_its_length() {
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
