//! What records mean, pure: catalogue, effective values, rules, authority, indicators, labels.
//!
//! It reads no clock, file or socket; today's date comes in as an argument. What it knows of a
//! record kind it reads from the options of the schema; the few rules that no option can say
//! (state machines, validation, who hosts what, indicators) are tables and functions here.

pub mod across;
pub mod alias;
pub mod attachment;
pub mod authority;
pub mod catalogue;
pub mod date;
pub mod demo;
pub mod division;
pub mod effective;
pub mod erasure;
pub mod finding;
pub mod former;
pub mod identity;
pub mod indicator;
pub mod label;
pub mod number;
pub mod parameters;
pub mod permission;
pub mod preset;
pub mod reform;
pub mod request;
pub mod state;
pub mod stay;
pub mod text;
pub mod uscc;
pub mod validate;
pub mod value;
mod wire;
pub mod year;

pub use across::{Late, lends, parent, propose};
pub use alias::Alias;
pub use authority::{Arrival, Purpose, Refusal, Writer, judge, may_edit};
pub use catalogue::{Catalogue, CatalogueError, EnumSpec, FieldSpec, KindSpec, RegisterSpec};
pub use date::Date;
pub use effective::{Conflict, ConflictKind, Effective, decode, effective};
pub use finding::{Finding, Level};
pub use identity::{derive_id, scope_id, scope_record_id, year_record_id};
pub use parameters::Parameters;
pub use preset::{Preset, Suggestion, preset};
pub use validate::{FieldOf, Lookup, NoLookup, Subject, Values, validate};
pub use value::{NoResolve, RegisterEdit, Resolve};
pub use wire::Malformed;
