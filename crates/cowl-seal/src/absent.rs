//! Compile-time proof that a type does *not* implement a trait.

/// Fails to compile if the type implements one of the traits: two blanket implementations would then
/// apply and the compiler could not infer which one `marker` belongs to.
macro_rules! assert_absent {
    ($type:ty: $($absent:path),+ $(,)?) => {
        $(const _: fn() = || {
            trait Ambiguous<Which> {
                fn marker() {}
            }
            struct Implemented;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $absent> Ambiguous<Implemented> for T {}
            let _ = <$type as Ambiguous<_>>::marker;
        };)+
    };
}

/// Keys can be neither printed, nor copied or compared by accident.
macro_rules! assert_opaque {
    ($($type:ty),+ $(,)?) => {
        $($crate::absent::assert_absent!($type: Clone, Copy, std::fmt::Debug, std::fmt::Display, PartialEq);)+
    };
}

pub(crate) use {assert_absent, assert_opaque};
