"""Pictures made on this machine: from a prompt's words and its hash, without network, fonts or chance."""
