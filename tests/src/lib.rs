//! Builders for the journeys.
