//! QR symbols (ISO/IEC 18004): drawing them and reading them.
//!
//! | file | does |
//! | --- | --- |
//! | `payload.rs` | the text: Base45 around bytes |
//! | `symbol.rs` | [`Symbol`]: the modules of one drawn symbol; [`Level`] |
//! | `encode.rs` | text to [`Symbol`]: picks version and level (feature `draw`) |
//! | `render.rs` | [`Symbol`] to pixels, PNG, SVG or terminal text (feature `draw`) |
//! | `read.rs` | frames to [`Reading`]s: [`read`] for one, [`Reader`] for a camera's |
//!
//! Reading, in `read/`, goes through one file after another:
//!
//! | file | does |
//! | --- | --- |
//! | `search.rs` | the order of the [`Stage`]s, and when to stop |
//! | `guard.rs` | the caller's clock; a net under other people's code |
//! | `plane.rs` | grey pixels, at full, half, quarter and double size |
//! | `threshold.rs` | grey to dark and light, for finding only |
//! | `locate.rs` | finder patterns, and which three belong together |
//! | `register.rs` | fits a known pattern to grey pixels, to a fraction of one |
//! | `pairs.rs` | two finder patterns, and the third where it has to be |
//! | `sighting.rs` | from finder patterns to a decoded symbol |
//! | `rectify.rs` | perspective, and a mesh through the alignment patterns |
//! | `sharpen.rs` | the map of a small symbol, by the contrast it shows |
//! | `sample.rs` | a certainty for every module; blur taken out |
//! | `layout.rs` | what each module is for |
//! | `decode.rs`, `reed_solomon.rs` | certainties to codewords, erasures, text |
//! | `evidence.rs` | what several frames say together |
//!
//! What a symbol says is not this module's business: text goes in and comes out unexamined.

#[cfg(feature = "draw")]
mod encode;
pub mod payload;
mod read;
#[cfg(feature = "draw")]
mod render;
mod symbol;

#[cfg(feature = "draw")]
pub use encode::{EncodeError, MAX_VERSION, encode, encode_at};
pub use read::{ReadSymbol, Reader, Reading, Stage, read};
pub use symbol::Level;
#[cfg(feature = "draw")]
pub use symbol::Symbol;
