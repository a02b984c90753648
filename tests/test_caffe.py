"""Caffe's networks: published numbers, OpenCV's results, one layer at a time, and what is refused."""

from __future__ import annotations

LAYERS = [
    "Convolution convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 group: 3 }",
    "Convolution convolution_param { num_output: 4 kernel_h: 1 kernel_w: 5 pad_h: 0 pad_w: 2 bias_term: false }",
    "Convolution convolution_param { num_output: 4 kernel_size: 3 dilation: 2 pad: 2 }",
    "Deconvolution convolution_param { num_output: 5 kernel_size: 4 stride: 2 pad: 1 }",
    "Deconvolution convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 6 bias_term: false }",
    "InnerProduct inner_product_param { num_output: 7 }",
    "Pooling pooling_param { pool: MAX kernel_size: 3 stride: 2 }",
    "Pooling pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }",
    "Pooling pooling_param { pool: AVE kernel_size: 3 stride: 2 }",
    "Pooling pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }",
    "Pooling pooling_param { pool: AVE kernel_size: 4 stride: 3 pad: 2 }",
    "Pooling pooling_param { pool: 1 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 }",
    "Pooling pooling_param { pool: AVE global_pooling: true }",
    "Pooling pooling_param { pool: MAX global_pooling: true }",
    "LRN lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 }",
    "LRN lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }",
    "ReLU",
    "ReLU relu_param { negative_slope: 0.1 }",
    "PReLU",
    "PReLU prelu_param { channel_shared: true }",
    "ELU elu_param { alpha: 1 }",
    "Sigmoid",
    "TanH",
    "BNLL",
    "Power power_param { power: 2 scale: 0.5 shift: 1 }",
    "Exp",
    "Dropout dropout_param { dropout_ratio: 0.3 }",
    "BatchNorm",
    "BatchNorm batch_norm_param { eps: 0.1 }",
    "Scale",
    "Scale scale_param { bias_term: true }",
    "Softmax",
    "Softmax softmax_param { axis: 2 }",
    "Flatten",
    "Flatten flatten_param { axis: 2 }",
    "Reshape reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 11 } }",
    "Permute permute_param { order: 0 order: 2 order: 3 order: 1 }",
    "ShuffleChannel shuffle_channel_param { group: 2 }",
    "ReLU6",
]
"""A type and its fields, on an image of 6 channels of 11×11."""


def around(body: str) -> str:
    """Return a network of one layer."""
    kind, _, said = body.partition(" ")
    layer = f'name: "it" type: "{kind}" bottom: "data" top: "it" {said}'
    return f'input: "data" input_shape {{ dim: 2 dim: 6 dim: 11 dim: 11 }} layer {{ {layer} }}'
