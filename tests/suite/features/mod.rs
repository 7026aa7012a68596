//! `features` against the reference, against rows computed by hand, and against itself.

mod case;
mod days;
mod edges;
mod random;
mod real;
mod same;
mod shape;
mod shards;
