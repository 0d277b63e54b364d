//! The macros that write a struct and its description from one text.

/// Defines a struct that stands inside records, with its schema rows.
///
/// Syntax and meaning of the fields are those of `record!`.
macro_rules! part {
    (
        $(#[$meta:meta])*
        pub struct $part:ident {$(
            #[doc = $doc:literal] $(#[doc = $more:literal])*
            $field:ident: $ty:ty => $unit:ident $((null $null:expr))? $((empty $empty:expr))?,
        )+}
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[derive(
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        pub struct $part {$(
            #[doc = $doc] $(#[doc = $more])*
            pub $field: $ty,
        )+}

        impl $crate::record::describe::Describe for $part {
            const SHAPE: $crate::record::describe::Shape =
                $crate::record::describe::Shape::once(&[$(
                    $crate::record::describe::Row {
                        named: Some((
                            stringify!($field),
                            $crate::record!(@meaning $ty, $unit, $doc $(, $null)?),
                        )),
                        offset: $crate::record::describe::narrow(
                            core::mem::offset_of!($part, $field),
                        ),
                        ty: <$ty as $crate::record::describe::Scalar>::TYPE,
                        count: 1,
                    },
                )+]);

            fn blank() -> Self {
                Self {$($field: $crate::record!(@blank $ty $(, $null)? $(, $empty)?),)+}
            }
        }
    };
}

/// Defines a record of this bus: as `record!`, with a record type outside the users' range, and
/// perhaps several.
macro_rules! builtin {
    (
        $(#[$meta:meta])*
        pub struct $record:ident(
            $rtype:path = $name:literal $(, $more_rtype:path = $more_name:literal)*
        ) {$($fields:tt)+}
    ) => {
        $crate::record! {
            @write [$(#[$meta])*] pub struct $record,
            [($rtype, $name) $(, ($more_rtype, $more_name))*] {$($fields)+}
        }
    };
}

/// Defines a record: the struct, its [`Record`](crate::record::Record) implementation and with it
/// its rows in the schema table.
///
/// Shape: the struct is `#[repr(C)]` with public fields behind a
/// [`header`](crate::record::RecordHeader) that the macro puts first. It does not compile with
/// padding in it, with a size that is no multiple of 8, or with a record type outside
/// [`rtype::USER`](crate::record::rtype::USER).
///
/// Each field has a doc comment, a type (a number or an array of numbers) and a
/// [`Unit`](crate::schema::Unit). The first line of the comment, at most 96 bytes, is the row's
/// text in the table. `(null VALUE)` names the value that means "no value"; it is what
/// [`Record::empty`](crate::record::Record::empty) writes, and tools show nothing for it.
/// `(empty VALUE)` is written too, and shown like any other. The crate must be known as
/// `tickring`: a dependency on it cannot be renamed.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, UNDEF_PRICE};
/// use tickring::{Directory, Reader, RingSpec, Start, Writer};
///
/// tickring::record! {
///     /// What a model thinks of an instrument.
///     pub struct Signal(0xC8 = "signal") {
///         /// Expected return until the horizon, in standard deviations.
///         strength: f64 => None,
///         /// Price at which the signal is void.
///         stop_price: i64 => PriceE9 (null UNDEF_PRICE),
///         /// Horizon in seconds, shortest first.
///         horizons: [u16; 3] => Count,
///         /// Reserved, zero.
///         _reserved: [u8; 2] => None,
///     }
/// }
///
/// let root = tempfile::tempdir().expect("a temporary directory");
/// let directory = Directory::at(root.path());
/// let name = "lab/signals".parse()?;
/// let mut writer = Writer::open(&directory, &name, &RingSpec::new(Signal::kinds())?)?;
/// let mut reader = Reader::open(&directory, &name, Start::Latest)?;
/// reader.expect::<Signal>()?;
///
/// writer.publish(&Signal { strength: 1.5, ..Signal::empty(1, 17077, 0) })?;
/// let found = reader.poll().record().and_then(|record| record.get::<Signal>().copied());
/// assert_eq!(found.map(|signal| (signal.strength, signal.stop_price)), Some((1.5, UNDEF_PRICE)));
/// # Ok::<(), tickring::Error>(())
/// ```
///
/// A hole does not compile:
///
/// ```compile_fail
/// tickring::record! {
///     /// Four bytes are missing in front of `price`.
///     pub struct Holed(0xC8 = "holed") {
///         /// A small number.
///         small: u32 => None,
///         /// A large one.
///         price: i64 => PriceE9,
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    (@meaning $ty:ty, $unit:ident, $doc:literal) => {
        $crate::record::describe::Meaning {
            unit: $crate::schema::Unit::$unit,
            null: None,
            doc: $doc,
        }
    };
    (@meaning $ty:ty, $unit:ident, $doc:literal, $null:expr) => {
        $crate::record::describe::Meaning {
            unit: $crate::schema::Unit::$unit,
            null: Some(|| <$ty as $crate::record::describe::Scalar>::bits($null)),
            doc: $doc,
        }
    };
    (@blank $ty:ty) => {
        <$ty as $crate::record::describe::Describe>::blank()
    };
    (@blank $ty:ty, $value:expr) => {
        $value
    };
    (
        @write [$(#[$meta:meta])*] $vis:vis struct $record:ident,
        [$(($rtype:expr, $name:expr)),+] {$(
            #[doc = $doc:literal] $(#[doc = $more:literal])*
            $field:ident: $ty:ty => $unit:ident $((null $null:expr))? $((empty $empty:expr))?
        ),+ $(,)?}
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[derive(
            $crate::record::describe::zerocopy::FromBytes,
            $crate::record::describe::zerocopy::IntoBytes,
            $crate::record::describe::zerocopy::Immutable,
            $crate::record::describe::zerocopy::KnownLayout,
        )]
        #[zerocopy(crate = "::tickring::record::describe::zerocopy")]
        $vis struct $record {
            /// Length, record type, publisher, instrument, event time.
            pub header: $crate::record::RecordHeader,
            $(
                #[doc = $doc] $(#[doc = $more])*
                pub $field: $ty,
            )+
        }

        const _: () = {
            assert!(
                ::core::mem::size_of::<$crate::record::RecordHeader>()
                    $(+ ::core::mem::size_of::<$ty>())+
                    == ::core::mem::size_of::<$record>(),
                "a field does not lie on a multiple of its size, or the record ends within a \
                 word: order fields from large to small, and fill up with a reserved field, \
                 e.g. _reserved: [u8; 4]"
            );
            assert!(
                ::core::mem::size_of::<$record>().is_multiple_of(8)
                    && ::core::mem::align_of::<$record>() == 8,
                "a record is copied in words of 8 bytes"
            );
        };

        impl $crate::record::Record for $record {
            const KINDS: &'static [(u8, &'static str)] = &[$(($rtype, $name)),+];
            const MEMBERS: &'static [$crate::record::describe::Member] = &[
                $crate::record::describe::Member::HEADER,
                $($crate::record::describe::Member {
                    name: stringify!($field),
                    offset: $crate::record::describe::narrow(
                        ::core::mem::offset_of!($record, $field),
                    ),
                    meaning: $crate::record!(@meaning $ty, $unit, $doc $(, $null)?),
                    shape: <$ty as $crate::record::describe::Describe>::SHAPE,
                },)+
            ];

            fn header(&self) -> &$crate::record::RecordHeader {
                &self.header
            }

            fn empty(publisher_id: u16, instrument_id: u32, ts_event: u64) -> Self {
                Self {
                    header: $crate::record::RecordHeader::new::<Self>(
                        publisher_id, instrument_id, ts_event,
                    ),
                    $($field: $crate::record!(@blank $ty $(, $null)? $(, $empty)?),)+
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $record:ident($rtype:literal = $name:literal) {$($fields:tt)+}
    ) => {
        const _: () = assert!(
            $crate::record::rtype::is_user($rtype),
            "record types 0xC8 to 0xDF are for user-defined records"
        );

        $crate::record! {
            @write [$(#[$meta])*] $vis struct $record, [($rtype, $name)] {$($fields)+}
        }
    };
}

pub(crate) use {builtin, part};
