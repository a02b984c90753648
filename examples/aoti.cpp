// Runs what `netspec export SPEC -o model.aoti` writes, without Python:
//
//     ./aoti model.aoti 1 3 224 224 < image.bin > logits.bin
//
// reads one input of that shape, and writes the first output, as 32-bit floats. To build it:
//
//     at=$(python -c 'import torch; print(torch.__path__[0])')
//     g++ -std=c++20 -O1 examples/aoti.cpp -o aoti -I$at/include -I$at/include/torch/csrc/api/include \
//         -L$at/lib -Wl,--no-as-needed,-rpath,$at/lib -ltorch -ltorch_cpu -lc10

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/torch.h>

int main(int count, char **words) {
    if (count < 3) {
        std::fprintf(stderr, "usage: %s MODEL SIZES < INPUT > OUTPUT\n", words[0]);
        return 2;
    }
    std::vector<int64_t> sizes;
    for (int i = 2; i < count; i++) sizes.push_back(std::atoll(words[i]));
    c10::InferenceMode no_gradients;
    torch::inductor::AOTIModelPackageLoader model(words[1]);
    for (const auto &[key, value] : model.get_metadata())
        std::fprintf(stderr, "%s: %s\n", key.c_str(), value.c_str());
    auto input = torch::empty(sizes);
    const size_t given = input.numel();
    if (std::fread(input.data_ptr<float>(), sizeof(float), given, stdin) != given) {
        std::fprintf(stderr, "the input is shorter than its shape\n");
        return 2;
    }
    auto output = model.run({input}).at(0).contiguous();
    const size_t found = output.numel();
    return std::fwrite(output.data_ptr<float>(), sizeof(float), found, stdout) != found;
}
