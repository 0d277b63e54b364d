//! One row of the table: a field, its type and its unit.

use std::borrow::Cow;

macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {$(
            $(#[$doc])*
            $variant = $code,
        )+}

        impl $name {
            /// Every value, in order of code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the code in the segment.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {$(Self::$variant => $code,)+}
            }

            /// Returns the value of a code from a segment.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Returns the name that tools show.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$variant => $text,)+}
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

codes! {
    /// The machine type of one element of a field.
    pub enum FieldType {
        /// Unsigned, 8 bits.
        U8 = 1, "u8";
        /// Unsigned, 16 bits.
        U16 = 2, "u16";
        /// Unsigned, 32 bits.
        U32 = 3, "u32";
        /// Unsigned, 64 bits.
        U64 = 4, "u64";
        /// Signed, 8 bits.
        I8 = 5, "i8";
        /// Signed, 16 bits.
        I16 = 6, "i16";
        /// Signed, 32 bits.
        I32 = 7, "i32";
        /// Signed, 64 bits.
        I64 = 8, "i64";
        /// IEEE 754, 32 bits.
        F32 = 9, "f32";
        /// IEEE 754, 64 bits.
        F64 = 10, "f64";
        /// One byte of a fixed text; the field's count is the room, unused bytes are NUL.
        Bytes = 11, "bytes";
        /// IEEE 754, 16 bits.
        F16 = 12, "f16";
    }
}

codes! {
    /// What the number in a field means.
    pub enum Unit {
        /// A plain number.
        None = 0, "none";
        /// A price in units of 1e-9.
        PriceE9 = 1, "price_e9";
        /// A time: nanoseconds since the Unix epoch, UTC.
        NanosEpoch = 2, "ns_epoch";
        /// A duration in nanoseconds.
        Nanos = 3, "ns";
        /// A number of things.
        Count = 4, "count";
        /// A set of bits.
        Flags = 5, "flags";
        /// One ASCII character, such as an action or a side.
        Ascii = 6, "ascii";
        /// A code with named values.
        Enum = 7, "enum";
        /// A key of the instrument directory.
        InstrumentId = 8, "instrument_id";
        /// A publisher in DBN's numbering.
        PublisherId = 9, "publisher_id";
        /// A sequence number.
        Sequence = 10, "sequence";
        /// Fixed text.
        Text = 11, "text";
        /// Lanes of a vector.
        Lanes = 12, "lanes";
        /// A decimal quantity without its exponent.
        QtyMantissa = 13, "qty_mantissa";
        /// A decimal exponent.
        Exponent = 14, "exponent";
        /// The low 64 bits of an i128.
        LowWord = 15, "low_word";
        /// The high 64 bits of an i128.
        HighWord = 16, "high_word";
    }
}

impl FieldType {
    /// Returns the size of one element in bytes, which is its alignment too.
    #[must_use]
    pub const fn size_bytes(self) -> u32 {
        match self {
            Self::U8 | Self::I8 | Self::Bytes => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// Describes one field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, `[a-z0-9_]+`, at most 40 bytes; a name that starts with `_` marks reserved bytes.
    pub name: Cow<'static, str>,
    /// Offset of the first element from the start of the record body, in bytes.
    pub offset: u32,
    /// Type of one element.
    pub ty: FieldType,
    /// Number of elements; of a text, its room in bytes.
    pub count: u32,
    /// Meaning of the number.
    pub unit: Unit,
    /// Bit pattern that means "no value", zero-extended to 64 bits.
    pub null: Option<u64>,
    /// One line about the field, at most 96 bytes of UTF-8.
    pub doc: Cow<'static, str>,
}

impl Field {
    /// Returns the size of the whole field in bytes; at the limit of u32 when it is larger.
    #[must_use]
    pub const fn size_bytes(&self) -> u32 {
        self.ty.size_bytes().saturating_mul(self.count)
    }

    /// Returns whether the field is there only to fill bytes: it is written as zero, never shown.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.name.starts_with('_')
    }
}
