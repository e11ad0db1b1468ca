//! The resident's screen: a process of its own (`kiosk screen`), which draws what the lane's core tells it and decides nothing.
//!
//! | file | does |
//! | --- | --- |
//! | `message.rs` | what the core says, as bytes |
//! | `link.rs` | the core's end: [`Link`], a [`Display`](crate::ui::Display) that never waits |
//! | `receiver.rs` | the screen's end: what was said last, and whether the core is gone |
//! | `visit.rs` | what a resident chose, until the visit is over |
//! | `layout.rs`, `palette.rs`, `fonts.rs` | where things are, their colors, their letters |
//! | `draw.rs` | a screen |
//! | `pen.rs`, `pictograms.rs` | its pictures |
//! | `sound.rs` | what an answer sounds like |
//! | `window.rs` | the window on the machine's display |
//!
//! What is shown in which words is `ui`'s: [`View`](crate::ui::View), [`Phrase`](crate::ui::Phrase).

mod draw;
mod fonts;
mod layout;
mod link;
mod message;
mod palette;
mod pen;
mod pictograms;
mod receiver;
mod sound;
mod visit;
mod window;

pub use link::Link;
pub use window::open;

#[cfg(test)]
mod tests;
