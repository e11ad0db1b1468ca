//! QR symbols (ISO/IEC 18004): drawing them and reading them.
//!
//! | file | does |
//! | --- | --- |
//! | `payload.rs` | the text: Base45 around bytes |
//! | `symbol.rs` | [`Symbol`]: the modules of one drawn symbol; [`Level`] |
//! | `encode.rs` | text to [`Symbol`]: picks version and level (feature `issue`) |
//! | `render.rs` | [`Symbol`] to pixels, PNG, SVG or terminal text (feature `issue`) |
//! | `read.rs` | a grey frame to [`Reading`]: the order of the [`Stage`]s |
//! | `read/scale.rs` | frames made smaller and larger |
//! | `read/threshold.rs` | grey frame to black and white |
//! | `read/rxing_reader.rs` | black and white to symbols, with `rxing` |
//! | `read/rqrr_reader.rs` | the last stage, with `rqrr` behind a probe budget |
//!
//! What a symbol says is not this module's business: text goes in and comes out unexamined.

#[cfg(feature = "issue")]
mod encode;
pub mod payload;
mod read;
#[cfg(feature = "issue")]
mod render;
mod symbol;

#[cfg(feature = "issue")]
pub use encode::{EncodeError, MAX_VERSION, encode, encode_at};
pub use read::{ReadSymbol, Reading, Stage, read};
pub use symbol::Level;
#[cfg(feature = "issue")]
pub use symbol::Symbol;
