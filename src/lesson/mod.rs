//! Lessons: the model, reading them from YAML, the catalogue of embedded ones, and judging expectations. Pure.

pub mod expect;
pub mod model;
