"""C-MOVE requests that Orthanc receives, and the webhooks that are told of them."""
