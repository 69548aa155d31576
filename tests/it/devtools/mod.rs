//! What only developers use.

#[cfg(feature = "devtools")]
pub mod alteration;
#[cfg(feature = "cli")]
pub mod cases;
#[cfg(feature = "devtools")]
pub mod check;
#[cfg(feature = "devtools")]
pub mod from_schema;
#[cfg(feature = "devtools")]
pub mod generated_sql;
#[cfg(feature = "cli")]
pub mod project;
#[cfg(feature = "devtools")]
pub mod random_schemas;
pub mod splitting;
#[cfg(feature = "devtools")]
pub mod squash;
