//! `verify`: that sound sets of all jobs are sound, and that nothing about one can change unnoticed.

mod damage;
mod sets;
