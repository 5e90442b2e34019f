//! Compile-time proof that a type does *not* implement a trait.

/// Fails to compile if the type implements one of the traits.
///
/// Where the type does implement the trait, two blanket implementations apply and the compiler cannot
/// infer which one `marker` belongs to.
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

pub(crate) use assert_absent;
