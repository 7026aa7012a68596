//! Thrift's compact protocol, in which Parquet writes footers and page headers. Levels and lengths use
//! its variable-length integers, too.
//!
//! **In / Out**: untrusted bytes → calls with one field after the other.
//! **Invariants**: every length is compared with the bytes that are left before it is used. Values nest
//! at most [`DEPTH_MAX`] deep, and lists have at most [`VALUES_MAX`] of them. Nothing is allocated.
//! **Source**: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

/// The deepest nesting of values. Footers of Parquet need seven levels.
const DEPTH_MAX: u32 = 16;
/// The most values of all lists. Those of a footer take some hundred bytes each in memory, but as few as
/// four in the file.
const VALUES_MAX: usize = 1 << 21;

/// Why bytes cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// They end too early.
    Short,
    /// They are not valid.
    Wrong(&'static str),
}

impl Malformed {
    /// The text for a message; `short` is the text for bytes that end too early.
    pub(super) fn what(self, short: &'static str) -> &'static str {
        match self {
            Malformed::Short => short,
            Malformed::Wrong(what) => what,
        }
    }
}

/// The result of parsing.
pub(super) type Read<T> = Result<T, Malformed>;

/// The type of a value, with the value of a boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// A boolean, which is stored in the header of its field.
    Bool(bool),
    /// One byte.
    Byte,
    /// An integer of any width.
    Int,
    /// A floating-point number.
    Double,
    /// A length and so many bytes.
    Binary,
    /// A list or a set.
    List,
    /// A struct.
    Struct,
}

impl Wire {
    /// The type with a code.
    fn new(code: u8) -> Read<Wire> {
        Ok(match code {
            1 => Wire::Bool(true),
            2 => Wire::Bool(false),
            3 => Wire::Byte,
            4..=6 => Wire::Int,
            7 => Wire::Double,
            8 => Wire::Binary,
            9 | 10 => Wire::List,
            12 => Wire::Struct,
            _ => return Err(Malformed::Wrong("a type that Parquet does not use")),
        })
    }
}

/// A reader of the compact protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compact<'a> {
    /// The bytes that are left.
    rest: &'a [u8],
    /// The nesting of the next value.
    depth: u32,
    /// The values of all lists so far.
    values: usize,
}

impl<'a> Compact<'a> {
    /// A reader of bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact {
            rest: bytes,
            depth: 0,
            values: 0,
        }
    }

    /// The number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Reads so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads one byte.
    pub(super) fn byte(&mut self) -> Read<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Reads an unsigned number, seven bits per byte.
    pub(super) fn varint(&mut self) -> Read<u64> {
        let mut number = 0;
        // Ten bytes hold 64 bits.
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed::Wrong("a number that does not end"))
    }

    /// Reads a signed number, in zigzag encoding.
    pub(super) fn int(&mut self) -> Read<i64> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Reads a count of things that take a byte or more each.
    fn length(&mut self) -> Read<usize> {
        let length = usize::try_from(self.varint()?);
        let length = length.map_err(|_| Malformed::Wrong("a length beyond all memory"))?;
        if length > self.rest.len() {
            return Err(Malformed::Short);
        }
        Ok(length)
    }

    /// Calls `on_field` for each field of a struct, with its number and type. It either reads the value and
    /// returns true, or reads nothing and returns false.
    pub(super) fn fields(
        &mut self,
        mut on_field: impl FnMut(&mut Compact<'a>, i64, Wire) -> Read<bool>,
    ) -> Read<()> {
        self.deeper()?;
        let mut number = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                break;
            }
            number = match head >> 4 {
                0 => self.int()?,
                more => number + i64::from(more),
            };
            // At every field, so that the sum of steps cannot overflow.
            if !(0..=i64::from(i16::MAX)).contains(&number) {
                return Err(Malformed::Wrong("a field with an impossible number"));
            }
            let wire = Wire::new(head & 0x0f)?;
            if !on_field(self, number, wire)? {
                self.skip(wire)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Calls `on_value` for each value of a list, with its type. It either reads the value and returns true,
    /// or reads nothing and returns false. Returns the number of values.
    pub(super) fn list(
        &mut self,
        mut on_value: impl FnMut(&mut Compact<'a>, Wire) -> Read<bool>,
    ) -> Read<usize> {
        self.deeper()?;
        let head = self.byte()?;
        let count = match usize::from(head >> 4) {
            15 => self.length()?,
            few if few <= self.rest.len() => few,
            _ => return Err(Malformed::Short),
        };
        // Some writers leave out the type of an empty list.
        if count == 0 {
            self.depth -= 1;
            return Ok(0);
        }
        // Before they are read, because arrow's decoder allocates a whole list at once.
        self.values += count;
        if self.values > VALUES_MAX {
            return Err(Malformed::Wrong("more than 2,097,152 values in lists"));
        }
        // In a list, a boolean is a byte.
        let wire = match head & 0x0f {
            1 | 2 => Wire::Byte,
            code => Wire::new(code)?,
        };
        for _ in 0..count {
            if !on_value(self, wire)? {
                self.skip(wire)?;
            }
        }
        self.depth -= 1;
        Ok(count)
    }

    /// Skips a value.
    fn skip(&mut self, wire: Wire) -> Read<()> {
        match wire {
            Wire::Bool(_) => {}
            Wire::Byte => drop(self.byte()?),
            Wire::Int => drop(self.varint()?),
            Wire::Double => drop(self.take(8)?),
            Wire::Binary => {
                let length = self.length()?;
                self.take(length)?;
            }
            // Recursive, but `deeper` bounds the depth.
            Wire::List => drop(self.list(|_, _| Ok(false))?),
            Wire::Struct => self.fields(|_, _, _| Ok(false))?,
        }
        Ok(())
    }

    /// Enters a nested value.
    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed::Wrong("values that lie too deep in each other"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a struct that are integers.
    fn ints(bytes: &[u8]) -> Read<Vec<(i64, i64)>> {
        let mut found = Vec::new();
        let mut reader = Compact::new(bytes);
        reader.fields(|reader, number, wire| {
            if wire == Wire::Int {
                found.push((number, reader.int()?));
            }
            Ok(wire == Wire::Int)
        })?;
        Ok(found)
    }

    #[test]
    fn integers_are_read_and_other_fields_skipped() {
        // 1: i32 = 150; 2: binary "ab"; 4: list of two i32; 5: struct {}; 40: i64 = -1.
        let bytes = [
            0x15, 0xac, 0x02, 0x18, 2, b'a', b'b', 0x29, 0x25, 2, 4, 0x1c, 0, 0x06, 80, 1, 0,
        ];
        assert_eq!(ints(&bytes), Ok(vec![(1, 150), (40, -1)]));
        for end in 0..bytes.len() {
            assert_eq!(ints(&bytes[..end]), Err(Malformed::Short), "{end}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let billions = [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0];
        assert_eq!(ints(&billions), Err(Malformed::Short));
        let no_end = [
            0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        assert!(matches!(ints(&no_end), Err(Malformed::Wrong(_))));
    }

    #[test]
    fn nesting_is_limited() {
        let structs = [0x1c; 100_000];
        assert!(matches!(ints(&structs), Err(Malformed::Wrong(_))));
        let lists = [0x19; 100_000];
        assert!(matches!(ints(&lists), Err(Malformed::Wrong(_))));
    }
}
