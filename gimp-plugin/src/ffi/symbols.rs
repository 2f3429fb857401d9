//! Tables of C functions, filled when the plug-in starts.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use super::error::Error;

/// Finds the function of a name, or says which is missing where.
pub(super) type Lookup<'a> = dyn Fn(&'static CStr) -> Result<NonNull<c_void>, Error> + 'a;

/// Declares a struct of function pointers whose fields carry the C names, with a constructor that
/// resolves all of them or names the one that is missing.
///
/// Functions under `safe` take only numbers and handles, which the libraries check themselves; those
/// under `unsafe` take pointers, on which the header's promises are the caller's to keep. `H` is a
/// handle of GIMP, where a table has it.
macro_rules! symbols {
    (
        $(#[$doc:meta])*
        $table:ident $(<$h:ident>)? {
            safe { $(fn $s:ident($($sa:ident: $st:ty),* $(,)?) $(-> $sr:ty)?;)* }
            unsafe { $(fn $u:ident($($ua:ident: $ut:ty),* $(,)?) $(-> $ur:ty)?;)* }
            $(variadic { $(fn $v:ident($($va:ident: $vt:ty),* $(,)?) $(-> $vr:ty)?;)* })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $table $(<$h>)? {
            $(pub(super) $s: extern "C" fn($($st),*) $(-> $sr)?,)*
            $(pub(super) $u: unsafe extern "C" fn($($ut),*) $(-> $ur)?,)*
            $($(pub(super) $v: unsafe extern "C" fn($($vt,)* ...) $(-> $vr)?,)*)?
        }

        impl $(<$h: Copy>)? $table $(<$h>)? {
            pub(super) fn load(
                lookup: &$crate::ffi::symbols::Lookup<'_>,
            ) -> Result<Self, $crate::ffi::error::Error> {
                Ok(Self {
                    $($s: {
                        let symbol = lookup($crate::ffi::symbols::c_name(concat!(stringify!($s), "\0")))?;
                        // SAFETY: the library's header declares the function so.
                        unsafe {
                            std::mem::transmute::<
                                std::ptr::NonNull<std::ffi::c_void>,
                                extern "C" fn($($st),*) $(-> $sr)?,
                            >(symbol)
                        }
                    },)*
                    $($u: {
                        let symbol = lookup($crate::ffi::symbols::c_name(concat!(stringify!($u), "\0")))?;
                        // SAFETY: the library's header declares the function so.
                        unsafe {
                            std::mem::transmute::<
                                std::ptr::NonNull<std::ffi::c_void>,
                                unsafe extern "C" fn($($ut),*) $(-> $ur)?,
                            >(symbol)
                        }
                    },)*
                    $($($v: {
                        let symbol = lookup($crate::ffi::symbols::c_name(concat!(stringify!($v), "\0")))?;
                        // SAFETY: the library's header declares the function so.
                        unsafe {
                            std::mem::transmute::<
                                std::ptr::NonNull<std::ffi::c_void>,
                                unsafe extern "C" fn($($vt,)* ...) $(-> $vr)?,
                            >(symbol)
                        }
                    },)*)?
                })
            }
        }
    };
}
pub(super) use symbols;

/// A name as C has it; `symbols!` ends each with its zero byte.
pub(super) fn c_name(name: &'static str) -> &'static CStr {
    CStr::from_bytes_with_nul(name.as_bytes()).expect("identifiers hold no zero byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    symbols! {
        /// Functions of no library.
        Two {
            safe { fn twice(x: i32) -> i32; }
            unsafe { fn first(of: *const i32) -> i32; }
        }
    }

    extern "C" fn twice(x: i32) -> i32 {
        2 * x
    }

    extern "C" fn first(of: *const i32) -> i32 {
        // SAFETY: the test passes a reference.
        unsafe { *of }
    }

    fn address(function: *const ()) -> NonNull<c_void> {
        NonNull::new(function.cast_mut().cast()).unwrap()
    }

    #[test]
    fn a_table_is_filled_by_name() {
        let table = Two::load(&|name| match name.to_str().unwrap() {
            "twice" => Ok(address(twice as *const ())),
            "first" => Ok(address(first as *const ())),
            _ => unreachable!(),
        })
        .unwrap();
        assert_eq!((table.twice)(4), 8);
        let seven = 7;
        // SAFETY: the pointer is a variable's.
        assert_eq!(unsafe { (table.first)(&raw const seven) }, 7);
    }

    #[test]
    fn the_missing_function_is_named() {
        let missing = Two::load(&|name| match name.to_str().unwrap() {
            "twice" => Ok(address(twice as *const ())),
            other => Err(Error::Symbol { library: "libnone.so.0".into(), symbol: other.into() }),
        });
        let message = missing.err().unwrap().to_string();
        assert_eq!(message, "`libnone.so.0` has no `first`");
    }
}
