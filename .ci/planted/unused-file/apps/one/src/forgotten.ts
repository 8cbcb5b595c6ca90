process.stdout.write('nobody imports me\n')
