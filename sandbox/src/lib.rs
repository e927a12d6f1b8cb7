//! Simulated shops that speak the platforms' own HTTP APIs, and makers of export files: the
//! isolated test environment, the demo's counterpart, and the tests'. It shares no code with the
//! connectors, so that a misunderstanding cannot sit on both sides.

pub mod limiter;
pub mod medusa;
pub mod shopify_export;
