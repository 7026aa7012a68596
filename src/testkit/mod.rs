//! Single stages, for benches and fuzz targets. Not part of the public interface.

pub mod bench;
pub mod fuzz;
