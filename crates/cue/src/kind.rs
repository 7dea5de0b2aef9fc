//! Kinds: the sets of types that a value may have.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of types. Its text is CUE's own: `string`, `(int|string)`, `_` for all, `_|_` for none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind(u16);

impl Kind {
    /// No type: an error.
    pub const BOTTOM: Self = Self(0);
    /// `null`.
    pub const NULL: Self = Self(1);
    /// Booleans.
    pub const BOOL: Self = Self(1 << 1);
    /// Integers.
    pub const INT: Self = Self(1 << 2);
    /// Numbers written with a point or an exponent.
    pub const FLOAT: Self = Self(1 << 3);
    /// Strings.
    pub const STRING: Self = Self(1 << 4);
    /// Bytes.
    pub const BYTES: Self = Self(1 << 5);
    /// Functions of packages.
    pub const FUNC: Self = Self(1 << 6);
    /// Lists.
    pub const LIST: Self = Self(1 << 7);
    /// Structs.
    pub const STRUCT: Self = Self(1 << 8);
    /// Both kinds of numbers.
    pub const NUMBER: Self = Self(Self::INT.0 | Self::FLOAT.0);
    /// Every type.
    pub const TOP: Self = Self((1 << 9) - 1);

    /// The types of both sets, in a constant.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two sets have a type in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The types of this set that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_bottom(self) -> bool {
        self.0 == 0
    }
}

impl BitAnd for Kind {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Kind {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bottom() {
            return f.write_str("_|_");
        }
        if *self == Self::TOP {
            return f.write_str("_");
        }
        let names = [
            (Self::NULL, "null"),
            (Self::BOOL, "bool"),
            (Self::INT, "int"),
            (Self::FLOAT, "float"),
            (Self::STRING, "string"),
            (Self::BYTES, "bytes"),
            (Self::FUNC, "func"),
            (Self::LIST, "list"),
            (Self::STRUCT, "struct"),
        ];
        // `number` stands for both kinds of numbers, after all others.
        let number = *self & Self::NUMBER == Self::NUMBER;
        let rest = if number { self.without(Self::NUMBER) } else { *self };
        let mut words: Vec<&str> = names.iter().filter(|(kind, _)| kind.meets(rest)).map(|(_, name)| *name).collect();
        if number {
            words.push("number");
        }
        match words.as_slice() {
            [word] => f.write_str(word),
            words => write!(f, "({})", words.join("|")),
        }
    }
}
