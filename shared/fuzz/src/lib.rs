//! The bodies of the fuzz targets; each program in `targets/` feeds one of them.

pub mod bodies;
