from pathlib import Path

from setuptools import setup

# lazarillo-ring is the folder beside this one and in no registry; a path can only be named whole.
setup(install_requires=[
    f"lazarillo-ring @ {(Path(__file__).resolve().parent.parent / 'ring').as_uri()}",
    "numpy",
    "opencv-python-headless==5.0.0.93",
])
