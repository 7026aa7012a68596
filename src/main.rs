//! The binary: exit policy, and nothing else.
//!
//! Done is 0, and so is a reader of our standard output that went away. Anything else prints the
//! chain of what went wrong, once, and exits with the code that SPEC lists for it.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

/// Faster than the system's where many threads take and give back buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic is reported below, as an error, with its place; the default hook would say it twice.
    std::panic::set_hook(Box::new(|_| {}));
    let run = std::panic::catch_unwind(|| cli::run(std::env::args_os().collect()));
    let error = match run {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(panic) => anyhow::Error::new(hitherto::Error::from(hitherto::ErrorKind::Internal {
            what: hitherto::panic_text(&*panic),
        })),
    };
    if is_broken_pipe(&error) {
        return ExitCode::SUCCESS;
    }
    drop(writeln!(io::stderr(), "hitherto: {error:#}"));
    let ours = error.downcast_ref::<hitherto::Error>();
    ExitCode::from(ours.map_or(74, hitherto::Error::exit_code))
}

/// Whether the reader of our standard output went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
