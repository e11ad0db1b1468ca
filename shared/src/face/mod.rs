//! Faces: detect → quality → attack detection → align → embed → compare. One to one only: there is no gallery.
//!
//! | file | does |
//! | --- | --- |
//! | `manifest.rs` | which models there are and what their files hash to; `built_in.rs` holds the default ones |
//! | `source.rs` | which of them a program works with |
//! | `engine.rs` | [`FaceEngine`]: a set of models, loaded, and the pipeline over them |
//! | `model.rs` | [`Model`]: numbers in, numbers out; [`OnnxModel`] runs one with `tract` |
//! | `picture.rs` | a file's bytes to pixels, pixels to a network's input |
//! | `detect.rs` | faces and their landmarks |
//! | `quality.rs` | good enough to compare? |
//! | `pad.rs`, `challenge.rs` | living face, or picture of one? |
//! | `portrait.rs`, `portrait/` | the portrait in a foreign credential to a picture with a face that can be found |
//! | `align.rs`, `embed.rs` | a face to a vector, a vector to the bytes of a template |
//! | `calibration.rs` | which score means which false match rate |
//!
//! Terms: ISO/IEC 2382-37 and 19795-1 (match, FMR, FNMR), 30107-3 (bona fide, APCER, BPCER).

mod align;
mod built_in;
mod calibration;
mod challenge;
mod detect;
mod embed;
mod engine;
mod manifest;
mod model;
mod pad;
mod picture;
mod portrait;
mod quality;
mod source;

pub use align::Layout;
pub use calibration::{Calibration, CalibrationError, Point};
pub use challenge::{Challenge, ChallengeTask, Progress};
pub use detect::Face;
pub use embed::Embedding;
pub use engine::{Comparison, DEFAULT_SET, Decision, FaceEngine, FaceError, LoadError, Probe};
pub use manifest::{Manifest, ManifestError, ModelEntry, ModelSet, Task};
pub use model::{Model, ModelError, OnnxModel, Tensor};
pub use picture::{PictureError, decode};
pub use portrait::{UnusablePortrait, avif_still, check_portrait_size, decode_portrait};
pub use quality::{Quality, QualityIssue, QualityLimits};
pub use source::{INSTALLABLE_SET, ModelSource};
