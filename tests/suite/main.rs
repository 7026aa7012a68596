//! The suites that run the engine as a library, in one binary, so that it is linked once.

mod buckets;
mod conformance;
mod depth;
mod dwell;
mod dwell_shards;
mod far;
mod features;
mod invariance;
mod ipc;
mod landing;
mod lay;
mod metrics;
mod public;
mod published;
mod real;
mod relaid;
mod schema;
mod shapes;
mod shards;
mod spellings;
mod support;
mod text;
mod tree;
mod verify;
