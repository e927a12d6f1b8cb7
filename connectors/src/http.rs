//! HTTP shared by all connectors: limits, timeouts, redaction.
