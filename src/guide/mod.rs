#![doc = include_str!("links.txt")]
#![doc = include_str!("README.md")]
// Pages link to each other by reference: `[Times][times]`, with `[times]: times.md` at the end of the page, which is
// what GitHub follows. `links.txt` comes first and defines the same names as modules; of two definitions Markdown
// takes the first, so rustdoc links to modules and checks that they exist.

/// Declares the pages, each a module whose text is a file of the same name.
macro_rules! pages {
    ($($name:ident)+) => {$(
        #[doc = include_str!("links.txt")]
        #[doc = include_str!(concat!(stringify!($name), ".md"))]
        pub mod $name {}
    )+};
}

pages! {
    first_steps
    sequences
    inputs
    field
    times
    action_logs
    vocabulary
    features
    dwell
    job_files
    plan
    quality
    verify
    read_and_train
    train
    operations
    cluster
    deploy
    library
    how_it_works
    benchmarks
    where_the_time_goes
    robustness
    developing
    promises
}
