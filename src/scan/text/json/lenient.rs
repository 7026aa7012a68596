//! JSON of several lines as it is read, with what differs from JSON made a value that no column takes: a bare `NaN` or
//! `Infinity` an object, a byte that is not UTF-8 an escape that is no text.
//!
//! **Why so**: such values are no matter in fields that nobody wants, and faults of their row in others. **Cost**: a
//! state per byte, where the parser behind it takes a byte at a time already.

use std::io::{self, BufRead, Read};

/// Half of a surrogate pair, which no text can hold.
const NO_TEXT: &[u8] = b"\\udfff";

/// Reads JSON without what is none.
pub(super) struct LenientJson<T> {
    text: T,
    is_in_string: bool,
    is_escaped: bool,
    /// What is written next, the last byte first.
    ready: Vec<u8>,
}

impl<T: BufRead> LenientJson<T> {
    /// A reader of a text.
    pub(super) fn new(text: T) -> LenientJson<T> {
        LenientJson {
            text,
            is_in_string: false,
            is_escaped: false,
            ready: Vec::new(),
        }
    }

    /// The next byte of the text, which is not taken.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.text.fill_buf()?.first().copied())
    }

    /// Takes the next byte.
    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        self.text.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// Writes bytes next.
    fn write(&mut self, bytes: &[u8]) {
        self.ready.extend(bytes.iter().rev());
    }

    /// Takes what follows a first byte of a word that is no number, and writes what stands for the word.
    fn word(&mut self, first: &[u8], rest: &[u8]) -> io::Result<()> {
        let mut taken = first.to_vec();
        for byte in rest {
            if self.peek()? != Some(*byte) {
                self.write(&taken);
                return Ok(());
            }
            self.take()?;
            taken.push(*byte);
        }
        let word = [b"{\"", &taken[..], b"\":0}"].concat();
        self.write(&word);
        Ok(())
    }

    /// Takes the rest of a character beyond ASCII, and writes it, or what stands for a byte that begins none.
    fn character(&mut self, first: u8) -> io::Result<()> {
        let mut taken = vec![first];
        let more = match first {
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        for _ in 0..more {
            let Some(next @ 0x80..=0xbf) = self.peek()? else {
                break;
            };
            self.take()?;
            taken.push(next);
        }
        match std::str::from_utf8(&taken) {
            Ok(_) => self.write(&taken),
            Err(_) => self.write(NO_TEXT),
        }
        Ok(())
    }

    /// Whether a byte stands for itself, and changes nothing: nearly all do.
    fn is_plain(&self, byte: u8) -> bool {
        if self.is_in_string {
            !self.is_escaped && byte < 0x80 && !matches!(byte, b'"' | b'\\')
        } else {
            !matches!(byte, b'"' | b'N' | b'I' | b'-')
        }
    }

    /// Takes a byte, and writes what stands for it and for what belongs to it.
    fn step(&mut self, byte: u8) -> io::Result<()> {
        match byte {
            _ if self.is_in_string && self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            0x80.. if self.is_in_string => return self.character(byte),
            b'N' if !self.is_in_string => return self.word(b"N", b"aN"),
            b'I' if !self.is_in_string => return self.word(b"I", b"nfinity"),
            b'-' if !self.is_in_string && self.peek()? == Some(b'I') => {
                return self.word(b"-", b"Infinity");
            }
            _ => {}
        }
        self.ready.push(byte);
        Ok(())
    }
}

impl<T: BufRead> Read for LenientJson<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(place) = into.first_mut() else {
            return Ok(0);
        };
        if self.ready.is_empty() {
            match self.take()? {
                None => return Ok(0),
                Some(byte) if self.is_plain(byte) => {
                    *place = byte;
                    return Ok(1);
                }
                Some(byte) => self.step(byte)?,
            }
        }
        *place = self.ready.pop().unwrap_or_default();
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_becomes_what_no_column_takes() {
        for (text, expected) in [
            (
                &b"[{\"a\": NaN, \"b\": [-Infinity, Infinity]}]"[..],
                "[{\"a\": {\"NaN\":0}, \"b\": [{\"-Infinity\":0}, {\"Infinity\":0}]}]",
            ),
            (
                b"{\"NaN\": \"NaN \\\" Infinity\"}",
                "{\"NaN\": \"NaN \\\" Infinity\"}",
            ),
            (
                b"[\"\xe9\", \"\xc3\xa9 \xe2\x82\"]",
                "[\"\\udfff\", \"\u{e9} \\udfff\"]",
            ),
            (b"[Nan, -1, -I, Inf", "[Nan, -1, -I, Inf"),
            (b"[\"\\\\\", NaN]", "[\"\\\\\", {\"NaN\":0}]"),
        ] {
            for chunk in [1, 3, 64] {
                let mut read = String::new();
                let text = io::BufReader::with_capacity(chunk, text);
                LenientJson::new(text)
                    .read_to_string(&mut read)
                    .expect("UTF-8");
                assert_eq!(read, expected, "{chunk}");
            }
        }
    }
}
