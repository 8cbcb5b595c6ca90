process.stdout.write('sideways\n')
