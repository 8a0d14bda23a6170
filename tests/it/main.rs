//! The product from outside: every test runs the real program, or the library as a program would.
//!
//! The files mirror `src/`. A test's name is a sentence that is true of the product.

#[macro_use]
mod support;

mod demo;
mod store;
mod tidiness;
