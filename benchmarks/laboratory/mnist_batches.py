"""MNIST in 200 steps, to find its critical batch size.

    RAYNAS_DATA=FOLDER raynas speed benchmarks/laboratory/mnist_batches.py --target 0.9 \
        --scaling sqrt --batches 8,16,32,64,128,256,512

``RAYNAS_DATA`` names the folder of the data, see `mnist.py`.
"""

from dataclasses import replace

from mnist import search as mnist

search = replace(mnist, full=None)
