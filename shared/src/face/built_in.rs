//! The files of the default set, which the project trained (`models/train`) and every program carries.

/// Returns a file of the default set by its name.
pub(super) fn file(name: &str) -> Option<&'static [u8]> {
    match name {
        "detector.onnx" => Some(include_bytes!("../../../models/default/detector.onnx")),
        "embedder.onnx" => Some(include_bytes!("../../../models/default/embedder.onnx")),
        "attack.onnx" => Some(include_bytes!("../../../models/default/attack.onnx")),
        _ => None,
    }
}
