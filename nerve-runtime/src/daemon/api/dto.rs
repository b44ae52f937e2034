//! The JSON shapes of the control API.
