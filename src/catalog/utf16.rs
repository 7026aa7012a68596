//! Text in UTF-16, as it is read: to UTF-8.
//!
//! **Invariants**: half of a surrogate pair becomes bytes that are no UTF-8, so that it is a fault of its field
//! alone. **Why so**: two encodings need one function of the standard library; a crate of all encodings has
//! tables as large as the rest of the reader.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

/// The order of the bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

/// The byte order of a text in UTF-16, by its mark; `None` if it has none. UTF-32 has another mark.
pub(crate) fn utf16_mark(head: &[u8]) -> Option<ByteOrder> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => Some(ByteOrder::Big),
        _ => None,
    }
}

/// Reads text in UTF-16 as UTF-8.
pub(crate) struct Utf16Reader<R> {
    text: R,
    order: ByteOrder,
    /// The first byte of a unit whose second was not read yet.
    half: Option<u8>,
    /// The first half of a surrogate pair.
    lead: Option<u16>,
    ready: Cursor<Vec<u8>>,
}

impl<R: BufRead> Utf16Reader<R> {
    /// A reader of text behind its mark.
    pub(crate) fn new(text: R, order: ByteOrder) -> Utf16Reader<R> {
        Utf16Reader {
            text,
            order,
            half: None,
            lead: None,
            ready: Cursor::default(),
        }
    }

    /// Reads some more; returns false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.ready.get_mut().clear();
        self.ready.set_position(0);
        let chunk = self.text.fill_buf()?;
        let count = chunk.len();
        if count == 0 {
            if self.half.is_some() {
                let what = "the text in UTF-16 ends in the middle of a character";
                return Err(io::Error::new(ErrorKind::Unsupported, what));
            }
            push_lone(self.ready.get_mut(), self.lead.take());
            return Ok(!self.ready.get_ref().is_empty());
        }
        for byte in chunk {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = match self.order {
                ByteOrder::Little => u16::from_le_bytes([first, *byte]),
                ByteOrder::Big => u16::from_be_bytes([first, *byte]),
            };
            push_unit(self.ready.get_mut(), &mut self.lead, unit);
        }
        self.text.consume(count);
        Ok(true)
    }
}

/// Adds the character of a unit, unless it is the first half of one.
fn push_unit(to: &mut Vec<u8>, lead: &mut Option<u16>, unit: u16) {
    if (0xd800..0xdc00).contains(&unit) {
        push_lone(to, lead.replace(unit));
        return;
    }
    let pair = lead.take();
    let units = pair.into_iter().chain([unit]);
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(character) => {
                to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Err(error) => push_lone(to, Some(error.unpaired_surrogate())),
        }
    }
}

/// Adds half of a surrogate pair, as the three bytes that UTF-8 has no room for.
fn push_lone(to: &mut Vec<u8>, unit: Option<u16>) {
    let Some(unit) = unit else { return };
    let [high, low] = unit.to_be_bytes();
    to.extend_from_slice(&[
        0xe0 | high >> 4,
        0x80 | (high & 0xf) << 2 | low >> 6,
        0x80 | low & 0x3f,
    ]);
}

impl<R: BufRead> Read for Utf16Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.ready.read(into)?;
            // A chunk may hold no whole character.
            if count > 0 || into.is_empty() || !self.fill()? {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_all_lengths_come_out_whatever_the_chunks() {
        let text = "aé€😀\n";
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let bytes = text.encode_utf16().flat_map(|unit| match order {
                ByteOrder::Little => unit.to_le_bytes(),
                ByteOrder::Big => unit.to_be_bytes(),
            });
            let bytes: Vec<u8> = bytes.collect();
            for capacity in [1, 2, 3, 64] {
                let chunks = io::BufReader::with_capacity(capacity, &bytes[..]);
                let mut read = String::new();
                let result = Utf16Reader::new(chunks, order).read_to_string(&mut read);
                result.expect("it is text");
                assert_eq!(read, text);
            }
        }
    }

    #[test]
    fn half_a_pair_is_no_utf8_and_half_a_unit_is_an_error() {
        let read = |bytes: &[u8]| {
            let mut text = Vec::new();
            let mut reader = Utf16Reader::new(bytes, ByteOrder::Big);
            reader.read_to_end(&mut text).map(|_| text)
        };
        for lone in [
            &[0xd8, 0, 0, b'a'][..],
            &[0xd8, 0],
            &[0xdc, 0],
            &[0xd8, 0, 0xd8, 0],
        ] {
            let text = read(lone).expect("read all the same");
            assert!(std::str::from_utf8(&text).is_err(), "{text:?}");
        }
        assert!(read(&[0, b'a', 0]).is_err());
    }
}
