//! Short programs that show how to use the library. The README's own is compiled here.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
