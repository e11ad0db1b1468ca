//! One network: numbers in, numbers out.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::Tensor as TractTensor;
use tract_onnx::prelude::{
    DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTValue, TypedRunnableModel, tract_ndarray, tvec,
};

/// Numbers with a shape, row-major; images are `[1, channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// As many numbers as the dimensions' product.
    pub data: Vec<f32>,
}

/// A network with one input and a fixed shape.
pub trait Model: Send + Sync {
    /// Returns the shape that [`Model::run`] takes, `[1, channels, height, width]`.
    fn input_shape(&self) -> [usize; 4];

    /// Runs the network; outputs are in the order of the file.
    ///
    /// # Errors
    /// An input of another shape, and whatever the runtime reports.
    fn run(&self, input: Tensor) -> Result<Vec<Tensor>, ModelError>;
}

/// Why a network gave no numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is not a network that the runtime can run.
    #[error("the model cannot be loaded: {problem}")]
    Load {
        /// What the runtime said.
        problem: String,
    },
    /// The network failed on an input.
    #[error("the model failed: {problem}")]
    Run {
        /// What the runtime said.
        problem: String,
    },
    /// The outputs are not those of the network that the manifest names.
    #[error("the model's output is not the expected one")]
    Output,
}

/// A network in the ONNX format, run by `tract` on one thread.
pub struct OnnxModel {
    shape: [usize; 4],
    plan: Arc<TypedRunnableModel>,
}

impl OnnxModel {
    /// Loads and optimises a network for one input shape.
    ///
    /// # Errors
    /// Files that are not such a network; a runtime that panics on one counts as that.
    pub fn load(bytes: &[u8], shape: [usize; 4]) -> Result<Self, ModelError> {
        let load = || {
            tract_onnx::onnx()
                .with_ignore_value_info(true)
                .with_ignore_output_shapes(true)
                .model_for_read(&mut Cursor::new(bytes))?
                .with_input_fact(0, f32::fact(shape).into())?
                .into_optimized()?
                .into_runnable()
        };
        match catch_unwind(AssertUnwindSafe(load)) {
            Ok(Ok(plan)) => Ok(Self { shape, plan }),
            Ok(Err(error)) => Err(ModelError::Load { problem: format!("{error:#}") }),
            Err(_) => Err(ModelError::Load { problem: "the runtime panicked".to_owned() }),
        }
    }
}

impl Model for OnnxModel {
    fn input_shape(&self) -> [usize; 4] {
        self.shape
    }

    fn run(&self, input: Tensor) -> Result<Vec<Tensor>, ModelError> {
        let failed = |problem: String| ModelError::Run { problem };
        let array = tract_ndarray::ArrayD::from_shape_vec(input.shape, input.data)
            .map_err(|error| failed(error.to_string()))?;
        let outputs = self
            .plan
            .run(tvec!(TractTensor::from(array).into_tvalue()))
            .map_err(|error| failed(format!("{error:#}")))?;
        outputs
            .iter()
            .map(|output| {
                let view =
                    output.to_plain_array_view::<f32>().map_err(|error| failed(format!("{error:#}")))?;
                Ok(Tensor { shape: view.shape().to_vec(), data: view.iter().copied().collect() })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_network_are_an_error() {
        for bytes in [&b""[..], b"not onnx", &[0xff; 64]] {
            assert!(matches!(OnnxModel::load(bytes, [1, 3, 8, 8]), Err(ModelError::Load { .. })));
        }
    }
}
