from tests import images

images.ensure()
