//! The program from outside: every kind of bad input, every exit code, and what stays behind.
//!
//! Each test lays out a small valid folder of four sources, damages one thing in it, and looks at
//! what a person or a script would see: exit code, streams, and the folder around the output.

mod advice;
mod arrow;
mod choice;
mod days;
mod dialects;
mod dwell;
mod dwell_shards;
mod empty;
mod encode;
mod far;
mod feature_shards;
mod features;
mod files;
mod flat;
mod folders;
mod golden;
mod guide;
mod head;
mod init;
mod init_guesses;
mod inputs;
mod interactions;
mod job;
mod landing;
mod lists;
mod metrics;
mod nested;
mod nobody;
mod output;
mod outside;
mod pipes;
mod plan;
mod process;
mod publish;
mod quarantine;
mod repeats;
mod rows;
mod shapes;
mod shards;
mod shop;
mod small;
mod some_files;
mod spellings;
mod syntax;
mod tables;
mod timelines;
mod times;
mod units;
mod unused;
mod usage;
mod verify;
mod vocabulary;
mod zones;
