//! `verify`: that sound sets of all jobs are sound, and that nothing about one can change unnoticed.

mod audit;
mod damage;
mod explain;
mod sets;
