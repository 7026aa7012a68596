//! What is left of a text, from which the parts of a time are taken one by one.
//!
//! **Invariants**: what takes nothing leaves the text as it is, unless its reader gives up.

/// What is left of a text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl Cursor<'_> {
    /// Takes a byte, if it is the next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// Takes one of some bytes.
    pub(super) fn take_any(&mut self, bytes: &[u8]) -> Option<u8> {
        bytes.iter().copied().find(|byte| self.take(*byte))
    }

    /// Takes spaces; says whether there were some.
    pub(super) fn spaces(&mut self) -> bool {
        let count = self.0.len() - self.0.trim_ascii_start().len();
        self.0 = &self.0[count..];
        count > 0
    }

    /// Takes digits; gives their number and how many they are.
    pub(super) fn digits(&mut self) -> Option<(u32, usize)> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let value = str::from_utf8(digits).ok()?.parse().ok()?;
        Some((value, count))
    }

    /// Takes one or two digits.
    pub(super) fn small(&mut self) -> Option<u32> {
        let (value, count) = self.digits()?;
        (count <= 2).then_some(value)
    }

    /// Takes as many digits.
    pub(super) fn exactly(&mut self, count: usize) -> Option<u32> {
        let (value, found) = self.digits()?;
        (found == count).then_some(value)
    }

    /// Takes a name of a list, whole or its first three letters; gives its place.
    pub(super) fn name(&mut self, names: &[&[u8]]) -> Option<usize> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let (word, rest) = self.0.split_at(count.count());
        let is_it = |name: &&[u8]| {
            let is_short = word.len() == 3 && word.eq_ignore_ascii_case(&name[..3]);
            is_short || word.eq_ignore_ascii_case(name)
        };
        let place = names.iter().position(is_it)?;
        self.0 = rest;
        Some(place)
    }

    /// Takes a fraction of a second, if there is one; gives microseconds, cut off.
    pub(super) fn fraction(&mut self) -> Option<i64> {
        if self.take_any(b".,").is_none() {
            return Some(0);
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at(count.count());
        if digits.is_empty() {
            return None;
        }
        self.0 = rest;
        let zeros = std::iter::repeat(&b'0');
        let six = digits.iter().chain(zeros).take(6);
        Some(six.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
    }
}
