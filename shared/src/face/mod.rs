//! Faces: from a picture to a decision.
