//! The identity of types whatever they borrow.

use std::any::TypeId;
use std::marker::PhantomData;

/// The id of `T` with every lifetime replaced by `'static`: equal ids mean equal types but for
/// lifetimes.
pub(crate) fn type_id<T: ?Sized>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> Identified for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let phantom = PhantomData::<T>;
    let identified: &dyn Identified = &phantom;
    // SAFETY: only the lifetime bound of the trait object changes, which its layout does not depend on;
    // the one method looks at no value.
    let identified =
        unsafe { std::mem::transmute::<&dyn Identified, &(dyn Identified + 'static)>(identified) };
    identified.id()
}

#[cfg(test)]
mod tests {
    use super::type_id;

    #[test]
    fn lifetimes_do_not_matter_and_types_do() {
        fn borrowed<'a>(_: &'a str) -> std::any::TypeId {
            type_id::<&'a str>()
        }
        assert_eq!(borrowed(&String::from("here")), type_id::<&'static str>());
        assert_ne!(type_id::<fn() -> u8>(), type_id::<fn() -> u16>());
    }
}
