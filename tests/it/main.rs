//! The product from outside: every test runs the real program, or the library as a program would.
//!
//! The files mirror `src/`. A test's name is a sentence that is true of the product.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::format_push_string, reason = "small files are written as they read")]

#[macro_use]
mod support;

mod api;
mod bad_input;
mod close;
mod compare;
mod demo;
mod docs;
mod explain;
mod generate;
mod holds;
mod imports;
mod pool_rules;
mod properties;
mod rules;
mod real;
mod size;
mod stateless;
mod store;
mod suspicious;
mod ten_million;
mod tidiness;
