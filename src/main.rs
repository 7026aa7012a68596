//! The binary: runs the command line, and turns its result into an exit code.
//!
//! Success is 0, and so is a broken pipe, when the reader of standard output went away. Any other error
//! is printed once, with the chain of its causes, and exits with the code that `guide/promises.md` lists.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

/// Faster than the system's allocator where many threads allocate and free buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic is reported below, as an error with its place; the default hook would print it as well.
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
