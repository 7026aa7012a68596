//! CSV of other rules to CSV as the readers know it, while it is read.
//!
//! **In / Out**: text with comment lines, quotes behind backslashes, or a delimiter of several characters → the
//! same records with none of these; a long delimiter becomes [`UNIT_SEPARATOR`]. **Invariants**: quotes are
//! followed as the CSV parser follows them, so nothing inside of quotes is taken for a delimiter or a comment.
//! **Cost**: one step per byte, on the thread that cuts the file. **Why so**: the fast readers stay as they are,
//! and pay nothing for files that need none of this.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

/// What a delimiter of several characters becomes.
pub(crate) const UNIT_SEPARATOR: u8 = 0x1f;

/// How text differs from CSV as the readers know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CsvRules {
    /// What separates fields.
    pub(crate) delimiter: Vec<u8>,
    /// Whether a backslash stands before a quote inside of quotes.
    pub(crate) has_backslashes: bool,
    /// How lines begin that are no records; empty if there are none.
    pub(crate) comment: Vec<u8>,
}

impl CsvRules {
    /// Whether the readers know these rules.
    pub(crate) fn are_plain(&self) -> bool {
        self.delimiter.len() == 1 && !self.has_backslashes && self.comment.is_empty()
    }

    /// What separates fields for the readers.
    pub(crate) fn separator(&self) -> u8 {
        match self.delimiter[..] {
            [byte] => byte,
            _ => UNIT_SEPARATOR,
        }
    }
}

/// The state of a CSV parser before a byte; the `csv` crate has the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::scan::text) enum QuoteState {
    /// At the start of a field or between records.
    #[default]
    Start,
    /// In a field without quotes, where a quote is a plain character, or behind the closing quote.
    Bare,
    /// Inside quotes.
    Quoted,
    /// Behind a quote inside quotes, which closes the field unless another follows.
    Closing,
}

/// Reads text by [`CsvRules`] as CSV that the readers know.
pub(crate) struct PlainCsv<R> {
    text: R,
    rules: CsvRules,
    /// Text that was read, from `at` on not looked at.
    pending: Vec<u8>,
    at: usize,
    is_ended: bool,
    state: QuoteState,
    /// Whether a record begins here.
    is_start: bool,
    /// Whether this is a line of comment.
    is_comment: bool,
    ready: Cursor<Vec<u8>>,
}

impl<R: BufRead> PlainCsv<R> {
    /// A reader of text that begins with a record.
    pub(crate) fn new(text: R, rules: CsvRules) -> PlainCsv<R> {
        PlainCsv {
            text,
            rules,
            pending: Vec::new(),
            at: 0,
            is_ended: false,
            state: QuoteState::Start,
            is_start: true,
            is_comment: false,
            ready: Cursor::default(),
        }
    }

    /// Makes some more text ready, if there is any.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.get_mut().clear();
        self.ready.set_position(0);
        // What is cut off at the end of a chunk is looked at with the next one.
        self.pending.drain(..self.at);
        self.at = 0;
        let chunk = self.text.fill_buf()?;
        self.is_ended = chunk.is_empty();
        self.pending.extend_from_slice(chunk);
        let count = chunk.len();
        self.text.consume(count);
        // No more than this decides what a byte is.
        let ahead = self
            .rules
            .delimiter
            .len()
            .max(self.rules.comment.len())
            .max(2);
        while self.at < self.pending.len()
            && (self.is_ended || self.at + ahead <= self.pending.len())
        {
            self.step()?;
        }
        Ok(())
    }

    /// Takes the next byte, or the next delimiter, comment or escape.
    fn step(&mut self) -> io::Result<()> {
        let rest = &self.pending[self.at..];
        let byte = rest[0];
        let is_end = matches!(byte, b'\n' | b'\r');
        if self.is_comment {
            self.at += 1;
            self.is_comment = !is_end;
            return Ok(());
        }
        if self.is_start && !self.rules.comment.is_empty() && rest.starts_with(&self.rules.comment)
        {
            self.is_comment = true;
            return Ok(());
        }
        if self.rules.delimiter.len() > 1 && byte == UNIT_SEPARATOR {
            let what = "the text has the byte 0x1F, so a delimiter of several characters cannot be read; \
                        write it with another delimiter";
            return Err(io::Error::new(ErrorKind::Unsupported, what));
        }
        self.is_start = false;
        if self.state == QuoteState::Quoted {
            self.quoted_step();
            return Ok(());
        }
        if rest.starts_with(&self.rules.delimiter) {
            self.ready.get_mut().push(self.rules.separator());
            self.at += self.rules.delimiter.len();
            self.state = QuoteState::Start;
            return Ok(());
        }
        self.state = match (self.state, byte) {
            (QuoteState::Start | QuoteState::Closing, b'"') => QuoteState::Quoted,
            _ if is_end => QuoteState::Start,
            _ => QuoteState::Bare,
        };
        self.is_start = is_end;
        self.ready.get_mut().push(byte);
        self.at += 1;
        Ok(())
    }

    /// The same inside of quotes.
    fn quoted_step(&mut self) {
        let (byte, next) = (self.pending[self.at], self.pending.get(self.at + 1));
        let (written, taken): (&[u8], _) = match (byte, next) {
            (b'\\', Some(b'"')) if self.rules.has_backslashes => (b"\"\"", 2),
            (b'\\', Some(b'\\')) if self.rules.has_backslashes => (b"\\", 2),
            _ => (&[byte], 1),
        };
        if byte == b'"' {
            self.state = QuoteState::Closing;
        }
        self.ready.get_mut().extend_from_slice(written);
        self.at += taken;
    }
}

impl<R: BufRead> Read for PlainCsv<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.ready.read(into)?;
            if count > 0 || into.is_empty() || self.is_ended {
                return Ok(count);
            }
            // A chunk may be a comment as a whole.
            self.fill()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text by rules, read in chunks of some bytes.
    fn plain(text: &str, rules: &CsvRules, chunk: usize) -> io::Result<String> {
        let chunks = io::BufReader::with_capacity(chunk, text.as_bytes());
        let mut read = String::new();
        let mut reader = PlainCsv::new(chunks, rules.clone());
        reader.read_to_string(&mut read).map(|_| read)
    }

    #[test]
    fn delimiters_escapes_and_comments_are_those_outside_of_quotes() {
        let rules = |delimiter: &str, has_backslashes, comment: &str| CsvRules {
            delimiter: delimiter.into(),
            has_backslashes,
            comment: comment.into(),
        };
        for (text, rules, expected) in [
            (
                "a::b\n\"x::y\"::c:d:\n",
                rules("::", false, ""),
                "a\x1fb\n\"x::y\"\x1fc:d:\n",
            ),
            (
                "\"{\\\"a\\\": \\\\n\\t}\",\\N\n",
                rules(",", true, ""),
                "\"{\"\"a\"\": \\n\\t}\",\\N\n",
            ),
            (
                "# c\r\na,#b\n#\n\"\n# d\"\n# e",
                rules(",", false, "#"),
                "\na,#b\n\"\n# d\"\n",
            ),
            ("// x\n/a\n", rules(",", false, "//"), "/a\n"),
            (
                "\"a\"\"::\"::\\",
                rules("::", true, "#"),
                "\"a\"\"::\"\x1f\\",
            ),
        ] {
            for chunk in [1, 2, 3, 5, 64] {
                let read = plain(text, &rules, chunk).expect("it is read");
                assert_eq!(read, expected, "{rules:?}, {chunk}");
            }
        }
        assert!(plain("a\x1fb\n", &rules("::", false, ""), 8).is_err());
    }
}
